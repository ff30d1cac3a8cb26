"""RAW files decoded in a process of their own, which a hostile file may take down alone.

LibRaw reads the formats of hundreds of cameras in C++. A file that crashes it, hangs it or asks it for all memory is
a file at fault, and has to cost no more than itself: the process that decodes is watched from outside, and started
again after each file that was its last.
"""

import atexit
import json
import os
import resource
import subprocess
import sys
import threading
from contextlib import suppress
from importlib.util import find_spec
from typing import Any, BinaryIO

import numpy as np
from pydantic import ValidationError

from camnoise.sample import RawInput
from camnoise.value import sentence

from .mosaics import RawScene

MOST_BYTES = 1 << 30  # of a file
SECONDS = 120.0  # for one file; the largest take less than ten
# -P: a numpy.py in the current folder must not be imported
COMMAND = (sys.executable, "-P", "-m", "camnoise.pipelines.rawfiles")
_MEMORY = 16 << 30  # of the decoding process, bytes of addresses


class _GoneError(Exception):
    """The process has ended in the middle of a file."""


class _LateError(ValueError):
    """The process had to be ended."""


class _Decoder:
    """The process, and the talk with it: a file's bytes in, a line of JSON and the mosaic out."""

    def __init__(self) -> None:
        self.pid = os.getpid()  # of the process it belongs to: a fork must not share the pipes
        self._process = subprocess.Popen(
            COMMAND,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,  # LibRaw talks there
            start_new_session=True,  # Ctrl-C is for the run, which then ends this
        )

    def decode(self, data: bytes, seconds: float) -> tuple[dict[str, Any], bytes]:
        process = self._process
        assert process.stdin is not None
        assert process.stdout is not None
        is_late = threading.Event()

        def give_up() -> None:
            is_late.set()
            process.kill()

        late = threading.Timer(seconds, give_up)
        late.daemon = True
        late.start()
        try:
            process.stdin.write(len(data).to_bytes(8, "big"))
            process.stdin.write(data)
            process.stdin.flush()
            said = json.loads(_exactly(process.stdout, int.from_bytes(_exactly(process.stdout, 8), "big")))
            return said, _exactly(process.stdout, said.get("nbytes", 0))
        except (OSError, EOFError):
            process.kill()
            code = process.wait()
            if is_late.is_set():
                raise _LateError(f"decoding it took more than {seconds:g} s") from None
            raise _GoneError(f"the process that decodes it ended (exit code {code})") from None
        finally:
            late.cancel()

    def close(self) -> None:
        if self.pid != os.getpid():
            return
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            with suppress(OSError):
                if pipe is not None:
                    pipe.close()


_lock = threading.Lock()
_running: _Decoder | None = None


def decode_raw(data: bytes, *, seconds: float = SECONDS) -> RawScene:
    """Decodes a RAW file; what `camnoise.raw.read_raw` refuses is refused with the same sentence.

    Args:
        data: the file.
        seconds: after which it is given up.

    Raises:
        ValueError: no RAW file, no mosaic, or one that LibRaw does not survive; the message is the reason.
        ModuleNotFoundError: the extra [raw] is not installed.
    """
    require()
    if not data:
        raise ValueError("the file is empty")
    if len(data) > MOST_BYTES:
        raise ValueError(too_large(len(data)))
    with _lock:
        for last in (False, True):  # it may have been killed for what others did: the file gets a second, fresh one
            try:
                said, pixels = _decoder().decode(data, seconds)
                break
            except _GoneError as gone:
                _stop()
                if last:
                    raise ValueError(str(gone)) from None
            except BaseException:  # Ctrl-C: half an answer is in the pipe
                _stop()
                raise
    if "missing" in said:
        raise ModuleNotFoundError(said["missing"])
    if "refused" in said:
        raise ValueError(said["refused"])
    array = np.frombuffer(bytearray(pixels), np.uint16).reshape(1, said["rows"], said["cols"])
    return RawScene(array, RawInput.model_validate(said["input"]))


def require() -> None:
    """Raises ModuleNotFoundError where the extra [raw] is not installed."""
    if find_spec("rawpy") is None:
        raise ModuleNotFoundError("RAW files need rawpy: install camnoise with its extra [raw]")


def too_large(nbytes: int) -> str:
    """Why a file of so many bytes is left out."""
    return f"has {nbytes:,} bytes, the largest RAW file that is read has {MOST_BYTES:,}"


def _decoder() -> _Decoder:
    global _running
    if _running is None or _running.pid != os.getpid():
        _running = _Decoder()
    return _running


@atexit.register
def _stop() -> None:
    global _running
    if _running is not None:
        _running.close()
        _running = None


def _exactly(file: Any, length: int) -> bytes:
    data: bytes = file.read(length)
    if len(data) < length:
        raise EOFError
    return data


def serve(asked: BinaryIO, answer: BinaryIO) -> None:
    """Decodes file after file until nothing more is asked."""
    while head := asked.read(8):
        said, pixels = _answer(_exactly(asked, int.from_bytes(head, "big")))
        line = json.dumps({**said, "nbytes": len(pixels)}).encode()
        answer.write(len(line).to_bytes(8, "big") + line)
        answer.write(pixels)
        answer.flush()


def _answer(data: bytes) -> tuple[dict[str, Any], bytes]:
    try:
        from camnoise.raw import read_raw

        raw = read_raw(data)
        return {**_levels(raw), "rows": raw.mosaic.shape[0], "cols": raw.mosaic.shape[1]}, raw.mosaic.tobytes()
    except ModuleNotFoundError as error:
        return {"missing": str(error)}, b""
    except MemoryError:
        return {"refused": "decoding it takes more memory than a RAW file may"}, b""
    except ValidationError as error:
        return {"refused": sentence(error)}, b""
    except Exception as error:
        return {"refused": str(error) or type(error).__name__}, b""


def _levels(raw: Any) -> dict[str, Any]:
    """What a sample's record keeps of a `camnoise.raw.Raw`."""
    matrix = None if raw.color_matrix is None else np.asarray(raw.color_matrix, np.float64).tolist()
    kept = RawInput(
        cfa=raw.cfa,
        black=raw.black,
        white=raw.white,
        white_balance=raw.white_balance,
        color_matrix=matrix,
        iso=raw.iso,
    )
    return {"input": kept.model_dump(mode="json")}


def main() -> None:
    """The decoding process."""
    with suppress(ValueError, OSError):  # a system without this limit
        resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, _MEMORY))
    reply = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # whatever a library prints is no answer
    serve(sys.stdin.buffer, reply)


if __name__ == "__main__":
    main()
