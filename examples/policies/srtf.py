#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Shortest remaining time first, as a policy in another process.

    ergon simulate -c 16x4:t4 -t jobs.csv -p srtf,external --external "python3 srtf.py"

gives the same figures twice. The protocol: docs/external-policy.md.
"""
import json
import math
import sys


def say(**message):
    sys.stdout.write(json.dumps(message) + "\n")
    sys.stdout.flush()


def hear():
    line = sys.stdin.readline()
    return json.loads(line) if line else {"type": "end"}


def can_run(groups, job, group):
    """One type of GPU suits every job that the trace has; of several, ergon is asked."""
    if len(groups) == 1:
        return True
    say(type="estimate", job=job["id"], group=group, gpus=job["gpus"])
    return hear()["feasible"]


def choose(groups, job, left):
    """The group that the job will run in: its own if it runs, else the first with room."""
    held = job.get("held")
    if held and left[held["group"]] >= job["gpus"]:
        return held["group"]
    for group, room in enumerate(left):
        if room >= job["gpus"] and can_run(groups, job, group):
            return group
    return None


def decide(groups, state):
    def key(job):
        left_s = job["remaining_s"]
        return (math.inf if left_s is None else left_s, job["id"])

    left = [group["nodes"] * group["gpus_per_node"] for group in groups]
    free = list(state["free_gpus"])
    preempt, wanted = [], []
    for job in sorted(state["jobs"], key=key):
        group = choose(groups, job, left)
        if group is not None:
            left[group] -= job["gpus"]
        held = job.get("held")
        if held and group != held["group"]:
            preempt.append(job["id"])
            free[held["group"]] += held["gpus"]
        if group is not None and (not held or group != held["group"]):
            wanted.append(job)
    place = []
    for job in wanted:
        for group, room in enumerate(free):
            if room >= job["gpus"] and can_run(groups, job, group):
                free[group] -= job["gpus"]
                place.append({"job": job["id"], "group": group, "gpus": job["gpus"]})
                break
    return {"preempt": preempt, "place": place}


def main():
    run = hear()
    say(type="hello", protocol=1, name="srtf")
    while True:
        message = hear()
        if message["type"] == "end":
            return
        say(type="plan", **decide(run["groups"], message))


if __name__ == "__main__":
    main()
