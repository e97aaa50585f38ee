"""Names for runs that got none: an adjective, an animal, a number.

The name follows from the run id alone, so that all ranks of a run agree on it, and no random generator of the
training is touched.
"""

from __future__ import annotations

import hashlib
from typing import Final

_ADJECTIVES: Final = (
    "able agile amber ample avid bold brave brief bright brisk calm candid clear clever cosmic crisp curious daring "
    "deft eager early earnest easy fair fancy fast fine fleet fond frank free fresh gentle glad golden grand happy "
    "hardy hazel honest humble jolly keen kind large lively loyal lucid lucky mellow merry mighty mild modest neat "
    "nimble noble novel olive patient placid plucky polite proud quick quiet rapid ready robust rosy sharp shiny "
    "silent silver smart smooth snowy solid spry steady still sunny super swift tidy vivid warm wise witty young"
).split()
_ANIMALS: Final = (
    "bear badger beaver bison bobcat buffalo camel caribou cat cheetah cobra condor coyote crab crane crow deer "
    "dingo dolphin dove duck eagle egret elk falcon ferret finch fox gazelle gecko gibbon goat goose hare hawk heron "
    "hippo ibex ibis jackal jaguar kite kiwi koala lark lemur leopard lion llama lobster lynx magpie marten mole moose "
    "moth mouse newt ocelot octopus orca osprey otter owl panda panther parrot penguin pike puffin puma quail rabbit "
    "raven robin salmon seal shark sparrow squid stork swan tapir tiger toad trout turtle viper walrus weasel whale "
    "wolf wombat wren yak zebra"
).split()


def make_name(run_id: str) -> str:
    """Return a readable name such as `brave-otter-17` that depends on `run_id` alone."""
    digest = hashlib.sha256(b"name\0" + run_id.encode("utf-8", "surrogatepass")).digest()
    adjective = _ADJECTIVES[int.from_bytes(digest[:4], "big") % len(_ADJECTIVES)]
    animal = _ANIMALS[int.from_bytes(digest[4:8], "big") % len(_ANIMALS)]
    return f"{adjective}-{animal}-{int.from_bytes(digest[8:12], 'big') % 90 + 10}"
