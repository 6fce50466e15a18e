"""Gives up on as many calls as it is told to."""

import sys

import wflo_otel as wflo


@wflo.with_retry(max_attempts=2, initial_delay_ms=1)
def send(number):
    raise ConnectionResetError(f"call {number}")


for number in range(int(sys.argv[1])):
    try:
        send(number)
    except ConnectionResetError:
        print("failed")
