"""What the log may say: where something failed, never what it was given."""

import logging
import re
import sys
import threading
import traceback
from pathlib import Path
from types import TracebackType
from typing import Final

_QUERY: Final = re.compile(r"\?[^\s'\"<>\\]+")
_LEVELS: Final = {"INFO": logging.INFO, "WARN": logging.WARNING, "ERROR": logging.ERROR}


def where(error: BaseException) -> str:
    """As in "ValueError at handler.py:88 < transfer.py:20": a message may hold links and paths."""
    frames = traceback.extract_tb(error.__traceback__)[-4:]
    places = " < ".join(f"{Path(frame.filename).name}:{frame.lineno}" for frame in reversed(frames))
    return f"{type(error).__name__} at {places or 'an unknown place'}"


def without_queries(text: str) -> str:
    """The text, with the query of each link taken out."""
    return _QUERY.sub("?...", text)


def configure(level: str) -> None:
    """Log lines go to stderr; faults that nobody caught are described without their text."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Formatter("%(levelname)s %(message)s"))
    logging.basicConfig(level=_LEVELS[level], handlers=[handler], force=True)
    threading.excepthook = lambda fault: _unhandled(fault.exc_value)
    sys.excepthook = _excepthook


class _Formatter(logging.Formatter):
    """Libraries log links and traces too: the asyncio of Python does."""

    def format(self, record: logging.LogRecord) -> str:
        text = without_queries(record.getMessage())
        error = record.exc_info[1] if record.exc_info else None
        return f"{record.levelname} {text}" + (f": {where(error)}" if error else "")


def _excepthook(_: type[BaseException], error: BaseException, __: TracebackType | None) -> None:
    _unhandled(error)


def _unhandled(error: BaseException | None) -> None:
    logging.getLogger("avatar_worker").error("unhandled: %s", where(error) if error else "?")
