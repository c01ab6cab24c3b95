# SPDX-License-Identifier: MIT
def tells_apart(tool, a, b, rng):
    return None
