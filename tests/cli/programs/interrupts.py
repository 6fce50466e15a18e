"""Count interrupts for a moment after the first one."""

import signal
import time

seen = []
signal.signal(signal.SIGINT, lambda *_: seen.append(1))
print("ready", flush=True)
end = time.monotonic() + 30
while not seen and time.monotonic() < end:
    time.sleep(0.01)
time.sleep(0.5)
print(f"interrupted {len(seen)} times", flush=True)
