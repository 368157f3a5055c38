"""What comes from the prepared folder: weights, prompts, the sound of a recording."""

import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from tiny import TEXT, TRANSFORMER, TinyModel, make_request

from avatar_worker.engines.infinitetalk import make_engine
from avatar_worker.engines.infinitetalk import speech as speech_module
from avatar_worker.engines.infinitetalk.blocks import Blocks
from avatar_worker.engines.infinitetalk.loader import load_transformer
from avatar_worker.engines.infinitetalk.speech import SpeechEncoder
from avatar_worker.engines.infinitetalk.text import PromptCache, TextEncoder
from avatar_worker.errors import Cancelled, WorkerError
from avatar_worker.models.merge import Lora, merge
from avatar_worker.settings import read_settings
from avatar_worker.stop import Stop

pytestmark = pytest.mark.upstream

CPU = torch.device("cpu")


@pytest.fixture
def folder(tiny: TinyModel, tmp_path: Path) -> Path:
    return Path(shutil.copytree(tiny.folder / "dit", tmp_path / "dit"))


def load(tiny: TinyModel, folder: Path, resident: int = 99) -> Any:
    return load_transformer(tiny.upstream, folder, CPU, torch.float32, resident, lambda _bytes: None)


def test_every_weight_comes_from_the_shards_and_nothing_stays_without_data(tiny: TinyModel, folder: Path) -> None:
    model = load(tiny, folder)
    shards = {name: weight for shard in folder.glob("*.safetensors") for name, weight in load_file(shard).items()}
    assert dict.fromkeys(shards, True) == {
        name: torch.equal(weight, shards[name]) for name, weight in model.state_dict().items()
    }
    assert not model.freqs.is_meta
    assert len(model.blocks) == TRANSFORMER["num_layers"]


def test_the_adapters_weights_replace_those_of_the_base(tiny: TinyModel, folder: Path) -> None:
    adapter = load_file(folder / "adapter.safetensors")
    head = torch.full((64,), 0.5)
    save_file({**adapter, "head.head.bias": head}, folder / "adapter.safetensors")
    assert torch.equal(load(tiny, folder).head.head.bias, head)


@pytest.mark.parametrize("change", ["missing", "extra"])
def test_weights_that_are_not_exactly_the_models_are_refused(tiny: TinyModel, folder: Path, change: str) -> None:
    shard = folder / "adapter.safetensors"
    weights = load_file(shard)
    if change == "missing":
        weights.popitem()
    else:
        weights["blocks.3.new"] = torch.zeros(1)
    save_file(weights, shard)
    with pytest.raises(WorkerError) as failure:
        load(tiny, folder)
    assert failure.value.code == "model_load_failed"


def test_merged_shards_are_what_torch_makes_of_them(tmp_path: Path) -> None:
    torch.manual_seed(11)
    weight, up, down = torch.randn(40, 24), torch.randn(40, 4), torch.randn(4, 24)
    name = "diffusion_model.a.lora_{}.weight"
    save_file({"a.weight": weight, "b.weight": weight.half()}, tmp_path / "base")
    save_file({name.format("up"): up.bfloat16(), name.format("down"): down.bfloat16()}, tmp_path / "lora")
    merge(tmp_path / "base", tmp_path / "made", Lora(tmp_path / "lora", 1.0), lambda: None)
    made = load_file(tmp_path / "made")
    assert torch.equal(made["a.weight"], (weight + up.bfloat16().float() @ down.bfloat16().float()).bfloat16())
    assert torch.equal(made["b.weight"], weight.half().bfloat16())


def test_a_production_start_refuses_a_manifest_with_gaps() -> None:
    with pytest.raises(WorkerError) as failure:
        make_engine(read_settings({"ALLOWED_HOSTS": "store.example.com"}))
    assert failure.value.code == "models_invalid"


def test_a_block_that_visits_leaves_even_when_its_forward_breaks_off() -> None:
    block = torch.nn.Linear(2, 2)
    blocks = Blocks([block], CPU)
    blocks.keep(0)
    on_host = block.weight.data_ptr()
    seen: list[int] = []
    hook = block.register_forward_pre_hook(lambda *_: seen.append(block.weight.data_ptr()))
    block(torch.zeros(1, 2))
    assert seen[0] != on_host == block.weight.data_ptr()
    hook.remove()

    def fail(*_: Any) -> None:
        raise RuntimeError("broken")

    block.register_forward_pre_hook(fail)
    with pytest.raises(RuntimeError, match="broken"):
        block(torch.zeros(1, 2))
    assert block.weight.data_ptr() != on_host
    blocks.release()
    assert block.weight.data_ptr() == on_host


def test_a_prompt_is_encoded_as_upstream_encodes_it_and_only_once(tiny: TinyModel, tmp_path: Path) -> None:
    encoder = TextEncoder(tiny.upstream, tiny.folder / "t5", CPU, **TEXT)
    asked: list[str] = []

    def encode(prompt: str, stop: Stop) -> torch.Tensor:
        asked.append(prompt)
        return encoder.encode(prompt, stop)

    cache = PromptCache(tmp_path / "prompts", encode)
    first, again = cache.get("A person talks", Stop(60)), cache.get("A person talks", Stop(60))
    assert asked == ["A person talks"]
    assert torch.equal(first, again)
    assert "person" not in "".join(path.name for path in (tmp_path / "prompts").iterdir())

    model = tiny.upstream.umt5_xxl(encoder_only=True, return_tokenizer=False, dtype=torch.bfloat16, device=CPU, **TEXT)
    model.load_state_dict(torch.load(tiny.folder / "t5/models_t5_umt5-xxl-enc-bf16.pth"))
    tokenizer = tiny.upstream.HuggingfaceTokenizer(
        name=str(tiny.folder / "t5/google/umt5-xxl"), seq_len=512, clean="whitespace"
    )
    ids, mask = tokenizer(["A person talks"], return_mask=True, add_special_tokens=True)
    with torch.no_grad():
        assert torch.equal(first, model.eval()(ids, mask)[0, : int(mask.sum())])


def test_a_damaged_prompt_is_encoded_anew_and_a_full_disk_costs_no_video(tmp_path: Path) -> None:
    asked: list[str] = []

    def encode(prompt: str, _stop: Stop) -> torch.Tensor:
        asked.append(prompt)
        return torch.ones(2, 4)

    cache = PromptCache(tmp_path / "prompts", encode)
    cache.get("a", Stop(1))
    next((tmp_path / "prompts").iterdir()).write_bytes(b"nonsense")
    assert torch.equal(cache.get("a", Stop(1)), torch.ones(2, 4))
    assert asked == ["a", "a"]
    (tmp_path / "file").write_text("")
    assert torch.equal(PromptCache(tmp_path / "file", encode).get("b", Stop(1)), torch.ones(2, 4))


def test_a_stop_ends_the_encoding_of_a_prompt(tiny: TinyModel) -> None:
    stop = Stop(60)
    stop.set()
    with pytest.raises(Cancelled):
        TextEncoder(tiny.upstream, tiny.folder / "t5", CPU, **TEXT).encode("A person", stop)


def test_a_long_recording_is_heard_in_pieces_that_fit_together(
    tiny: TinyModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    encoder = SpeechEncoder(tiny.upstream, tiny.folder / "wav2vec", CPU)
    request = make_request(tmp_path, frames=230, windows=4)
    whole = encoder.encode(request.audio, Stop(60))
    monkeypatch.setattr(speech_module, "_PIECE_FRAMES", 90)
    monkeypatch.setattr(speech_module, "_OVERLAP_FRAMES", 25)
    in_pieces = encoder.encode(request.audio, Stop(60))
    assert whole.shape == in_pieces.shape == (230, 12, 768)
    # Attention reaches further than a piece, so they are alike and not the same.
    alike = torch.nn.functional.cosine_similarity(whole.flatten(1), in_pieces.flatten(1))
    assert alike.min() > 0.9
    shifted = torch.nn.functional.cosine_similarity(whole[3:].flatten(1), in_pieces[:-3].flatten(1))
    assert alike.mean() > shifted.mean()
