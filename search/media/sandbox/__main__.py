"""Entry point of the sandbox process: limits itself, then runs the requested task.

The request is one JSON object on the command line. The process is started by path in isolated
mode, so it adds the project to its import path itself. A failure is the last message: `error` is
one of unreadable, no_stream, no_codec, channels, rate, too_long, frame_too_large, memory.
"""

from __future__ import annotations

import importlib
import json
import resource
import sys
from pathlib import Path


def limit_process(memory_bytes: int, seconds: float) -> None:
    """Limit memory and CPU time, and forbid writing files. Call before importing FFmpeg."""
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


def main(argument: str) -> None:
    request = json.loads(argument)
    limit_process(
        request["memory_bytes"],
        request["time_limit_s"] + request["time_per_second"] * request["max_seconds"],
    )
    sys.path.append(str(Path(__file__).parents[3]))
    import av

    from search.media.sandbox.protocol import ClipRejected, send

    task = importlib.import_module(f"search.media.sandbox.{request['task']}")
    try:
        task.run(request)
    except ClipRejected as rejected:
        send({"error": rejected.error, "value": rejected.value})
    except MemoryError:
        send({"error": "memory"})
    except BrokenPipeError:
        sys.exit(1)
    except (av.FFmpegError, ValueError, OSError) as error:
        send({"error": "unreadable", "value": str(error)})


if __name__ == "__main__":
    main(sys.argv[1])
