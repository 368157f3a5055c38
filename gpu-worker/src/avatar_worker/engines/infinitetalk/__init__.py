"""InfiniteTalk. The only package that imports torch."""

from pathlib import Path

from avatar_worker.engines.base import OnReady
from avatar_worker.engines.infinitetalk.engine import InfiniteTalkEngine
from avatar_worker.models.store import make_store
from avatar_worker.profiles import choose_profile
from avatar_worker.settings import Settings
from avatar_worker.stop import Stop


def make_engine(settings: Settings) -> InfiniteTalkEngine:
    """Raises ``WorkerError`` ``models_invalid`` while the manifest has gaps and nothing is prepared."""
    profile = choose_profile(settings.profile, settings.profile_overrides)
    store = make_store(settings, profile.lora)

    def prepare(on_ready: OnReady, stop: Stop) -> tuple[Path, int]:
        prepared = store.ensure(on_ready, stop)
        return prepared.folder, prepared.bytes

    return InfiniteTalkEngine(
        profile,
        prepare,
        settings.infinitetalk_dir,
        settings.model_dir / "prompts",
        allow_smaller_plan=settings.allow_smaller_plan,
    )
