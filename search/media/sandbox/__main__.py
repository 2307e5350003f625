"""Where the child process begins: limits itself, then does the task it was asked, one JSON
object on the command line.

Run by path in isolated mode, so its imports are found from here. A failure is the last message:
`error` is one of unreadable, no_stream, no_codec, channels, rate, too_long, frame_too_large,
memory.
"""

from __future__ import annotations

import importlib
import json
import resource
import sys
from pathlib import Path


def limit_process(memory_bytes: int, seconds: float) -> None:
    """No more memory, CPU time or files than needed; nothing may be written. Must run before
    FFmpeg is imported.
    """
    cpu = int(seconds) + 1
    for what, bound in (
        (resource.RLIMIT_AS, memory_bytes),
        (resource.RLIMIT_CPU, cpu),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_CORE, 0),
    ):
        hard = resource.getrlimit(what)[1]
        bound = bound if hard == resource.RLIM_INFINITY else min(bound, hard)
        resource.setrlimit(what, (bound, bound))


def main(question: str) -> None:
    asked = json.loads(question)
    limit_process(
        asked["memory_bytes"],
        asked["time_limit_s"] + asked["time_per_second"] * asked["max_seconds"],
    )
    sys.path.append(str(Path(__file__).parents[3]))
    import av

    from search.media.sandbox.protocol import Refused, send

    task = importlib.import_module(f"search.media.sandbox.{asked['task']}")
    try:
        task.run(asked)
    except Refused as refused:
        send({"error": refused.error, "value": refused.value})
    except MemoryError:
        send({"error": "memory"})
    except BrokenPipeError:
        sys.exit(1)
    except (av.FFmpegError, ValueError, OSError) as error:
        send({"error": "unreadable", "value": str(error)})


if __name__ == "__main__":
    main(sys.argv[1])
