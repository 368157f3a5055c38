"""From the files of a run to its video."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from avatar_worker.engines.base import Engine, OnStep, Plan, RenderRequest
from avatar_worker.errors import WorkerError
from avatar_worker.media.audio import decode_audio
from avatar_worker.media.encode import encode
from avatar_worker.media.image import compose, read_image
from avatar_worker.plan import choose_aspect, make_output
from avatar_worker.stop import Stop

#: Decoders differ by some padding at the ends; more than this, and at most 2 %, is another recording.
_TOLERANCE_SECONDS: Final = 0.25


@dataclass(frozen=True)
class RenderSettings:
    """What the customer asked for."""

    #: auto, 16:9, 9:16 or 1:1.
    aspect: str
    #: crop or pad.
    fit: str
    prompt: str | None
    seed: int
    #: As the API measured the recording; the video lasts as long.
    audio_seconds: float


@dataclass(frozen=True)
class RenderedVideo:
    """A video in the folder of the run."""

    path: Path
    bytes: int
    sha256: str
    width: int
    height: int
    #: What the model rendered, before scaling.
    native_width: int
    native_height: int
    frames: int
    duration_seconds: float
    steps: int
    windows: int


@dataclass(frozen=True)
class RenderInputs:
    """The files of a run, and its folder, which takes what is made of them."""

    image: Path
    audio: Path
    folder: Path


def render_video(
    inputs: RenderInputs,
    settings: RenderSettings,
    engine: Engine,
    *,
    max_seconds: float,
    on_step: OnStep,
    stop: Stop,
    plan: Plan | None = None,
) -> RenderedVideo:
    """Checks the files, which costs no GPU time, then renders and encodes window by window.

    ``plan`` replaces the engine's own, for a second try. Raises ``WorkerError`` and what ``stop.check`` raises.
    """
    if settings.audio_seconds > max_seconds:
        raise WorkerError("audio_too_long", f"The recording lasts longer than {max_seconds:g} s.")
    image = read_image(inputs.image)
    aspect = choose_aspect(settings.aspect, image.size)
    output = make_output(aspect, settings.audio_seconds)
    plan = plan or engine.plan(aspect, output.frames)
    native = (plan.width, plan.height)

    speech = inputs.folder / "speech.wav"
    heard = decode_audio(inputs.audio, speech, max_seconds=max_seconds + 1, pad_frames=output.frames, stop=stop)
    if abs(heard - output.seconds) > max(_TOLERANCE_SECONDS, 0.02 * output.seconds):
        raise WorkerError(
            "unsupported_audio", f"The recording lasts {heard:.2f} s, and not {output.seconds:.2f} s as announced."
        )
    portrait = inputs.folder / "portrait.png"
    compose(image, settings.fit, native, output).save(portrait)
    stop.check()

    request = RenderRequest(portrait, speech, plan, settings.prompt, settings.seed)
    windows = engine.render(request, on_step, stop)
    video = encode(windows, native, output, inputs.audio, inputs.folder / "video.mp4", stop)
    return RenderedVideo(
        path=video.path,
        bytes=video.bytes,
        sha256=video.sha256,
        width=output.width,
        height=output.height,
        native_width=plan.width,
        native_height=plan.height,
        frames=output.frames,
        duration_seconds=output.seconds,
        steps=plan.steps,
        windows=plan.windows,
    )
