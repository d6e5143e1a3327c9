"""What one worker does, from its start to its end. A script that the launcher starts; nothing imports it.

It watches its parent before it imports torch, so that at no moment it would outlive it.
"""

import json
import os
import pickle
import shutil
import signal
import sys
import threading
import time
import traceback
from pathlib import Path

STEP_BACK = 60.0  # seconds that gloo waits beyond the limit: the launcher is to notice first what hangs


def end_with_parent(folder: Path) -> None:
    """End this process when its parent ends, however that ends: the pipe that is its standard input then closes.

    From here on standard input is empty. On Windows a thread that reads it would stop each DLL that is loaded later.
    """
    pipe = os.dup(0)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)

    def wait():
        os.read(pipe, 1)  # nobody writes: it returns at the end of the pipe
        shutil.rmtree(folder, ignore_errors=True)
        os._exit(1)

    threading.Thread(target=wait, daemon=True).start()


def run(folder: Path, rank: int) -> None:
    """Join the other workers, run the function, leave its result in the folder."""
    import faulthandler
    from datetime import timedelta

    import torch
    from torch import distributed

    from helpers.distributed.peers import Peers

    job = pickle.loads((folder / "job").read_bytes())
    left = max(0.1, job["deadline"] - time.time())
    # Where this worker hangs, if it does. It needs no Python to be running, and then ends the process.
    faulthandler.dump_traceback_later(left, exit=True, file=(folder / f"{rank}.hangs").open("w", encoding="utf-8"))
    torch.set_num_threads(1)
    torch.manual_seed(job["seed"])
    device = torch.device("cpu")
    if job["backend"] == "nccl":
        device = torch.device("cuda", rank)
        torch.cuda.set_device(device)
        torch.set_default_device(device)
    store = distributed.FileStore(str(folder / "store"), job["processes"])
    distributed.init_process_group(
        job["backend"],
        store=store,
        rank=rank,
        world_size=job["processes"],
        timeout=timedelta(seconds=left + STEP_BACK),
    )
    result = job["function"](Peers(device), *job["arguments"])
    leave(folder / f"{rank}.result", pickle.dumps(result))
    distributed.barrier()  # who is ready first still answers the others


def leave(place: Path, data: bytes) -> None:
    """Write a file that is there whole or not at all."""
    draft = place.with_suffix(".draft")
    draft.write_bytes(data)
    draft.replace(place)


def main() -> None:
    """python -P worker.py FOLDER RANK."""
    folder, rank = Path(sys.argv[1]), int(sys.argv[2])
    end_with_parent(folder)
    # The Stop button of a notebook reaches the workers too; it is the launcher that ends them.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    sys.path[:] = json.loads((folder / "path").read_text(encoding="utf-8"))
    try:
        run(folder, rank)
    except BaseException as error:
        sentence = "".join(traceback.format_exception_only(error)).strip().split("\n")[0]
        report = {"time": time.time(), "sentence": sentence, "traceback": traceback.format_exc()}
        leave(folder / f"{rank}.error", json.dumps(report).encode())
        os._exit(1)  # without waiting for messages that will not come
    os._exit(0)


if __name__ == "__main__":
    main()
