"""From the files of a run to its video."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from avatar_worker.engines.base import Engine, OnStep, RenderRequest
from avatar_worker.errors import WorkerError
from avatar_worker.media.audio import decode_audio
from avatar_worker.media.encode import encode
from avatar_worker.media.image import compose, read_image
from avatar_worker.plan import choose_aspect, make_output
from avatar_worker.stop import Stop

#: Decoders differ by some padding at the ends; more than this, and at most 2 %, is another recording.
_TOLERANCE_SECONDS: Final = 0.25


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


def render_video(
    *,
    engine: Engine,
    image: Path,
    audio: Path,
    audio_seconds: float,
    aspect: str,
    fit: str,
    prompt: str | None,
    seed: int,
    max_seconds: float,
    folder: Path,
    on_step: OnStep,
    stop: Stop,
) -> RenderedVideo:
    """Checks the files, which costs no GPU time, then renders and encodes window by window into ``folder``.

    ``audio_seconds`` is what the API measured, ``max_seconds`` at most; the video lasts as long. Raises ``WorkerError``
    and what ``stop.check`` raises.
    """
    picture = read_image(image)
    aspect = choose_aspect(aspect, picture.size)
    output = make_output(aspect, audio_seconds)
    plan = engine.plan(aspect, output.frames)
    native = (plan.width, plan.height)

    speech = folder / "speech.wav"
    heard = decode_audio(audio, speech, max_seconds=max_seconds + 1, pad_frames=output.frames, stop=stop)
    if abs(heard - audio_seconds) > max(_TOLERANCE_SECONDS, 0.02 * audio_seconds):
        raise WorkerError(
            "unsupported_audio", f"The recording lasts {heard:.2f} s, and not {audio_seconds:.2f} s as announced."
        )
    portrait = folder / "portrait.png"
    compose(picture, fit, native, output).save(portrait)
    stop.check()

    windows = engine.render(RenderRequest(portrait, speech, plan, prompt, seed), on_step, stop)
    video = encode(windows, native, output, audio, folder / "video.mp4", stop)
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
