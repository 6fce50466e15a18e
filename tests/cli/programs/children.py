"""Ask once in each of two workers: ``children.py fork|spawn|mp_fork|threads|subprocess``."""

import multiprocessing
import os
import subprocess
import sys
import threading

import openai


def ask() -> None:
    openai.OpenAI().chat.completions.create(
        model="gpt-4o", messages=[{"role": "user", "content": "hello"}], max_tokens=50
    )


def fork() -> None:
    for _ in range(2):
        if (child := os.fork()) == 0:
            ask()
            os._exit(0)
        os.waitpid(child, 0)


def processes(method: str) -> None:
    context = multiprocessing.get_context(method)
    workers = [context.Process(target=ask) for _ in range(2)]
    start_all(workers)


def threads() -> None:
    start_all([threading.Thread(target=ask) for _ in range(2)])


def start_all(workers: list) -> None:
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()


def children() -> None:
    started = [subprocess.Popen([sys.executable, __file__, "once"]) for _ in range(2)]
    for each in started:
        each.wait()


KINDS = {
    "fork": fork,
    "mp_fork": lambda: processes("fork"),
    "spawn": lambda: processes("spawn"),
    "threads": threads,
    "subprocess": children,
    "once": ask,
}

if __name__ == "__main__":
    KINDS[sys.argv[1]]()
