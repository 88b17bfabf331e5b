"""What is said around a question and asks nothing: greetings, please, thanks."""

from __future__ import annotations

import re

_COMMANDS = (
    "explain|describe|write|give|list|show|summari|translate|convert|find|recommend|suggest|name|compare|create|make"
)
_OPENINGS = (
    r"hi|hello|hey|ok|okay|so|well|please|pls|kindly|thanks|dear \w+|sorry|excuse me|help me",
    r"quick question|a question|(?:i have|i've|just) an? (?:quick )?question|just curious",
    r"(?:can|could|would|will) (?:you|\w+one|\w+body)(?: please| kindly)? (?:tell|explain to|help|show)(?: me)?",
    rf"(?:can|could|would|will) you(?: please| kindly)?(?= (?:{_COMMANDS}))",
    r"(?:tell|let) me(?: know)?|i was wondering|i am wondering|i wonder|i'm wondering",
    r"i'd like to know|i would like to know|i want to know|i need to know|do you know",
    r"does (?:any\w+|some\w+) know|any idea|please tell(?: me)?",
)
_ENDINGS = (
    r"thanks(?: a lot| so much| in advance)?|thank you(?: very much| so much)?",
    r"please(?: help| explain| advise)?|any help is (?:welcome|appreciated)|cheers|thx",
)
OPENING = re.compile(rf"\s*(?:(?:{'|'.join(_OPENINGS)})\b[\s,:;!.-]*)+", re.IGNORECASE)
ENDING = re.compile(rf"(?:[\s,.!?]+(?:{'|'.join(_ENDINGS)}))+[\s.!]*$", re.IGNORECASE)
LONGEST_ENDING = 64
"""Characters at the end of a text among which thanks are looked for."""


def bare(text: str) -> str:
    """Return a text without what is said out of politeness before and after it; all of it where nothing else is."""
    opening = OPENING.match(text)
    kept = text[opening.end() :] if opening else text
    ending = ENDING.search(kept, max(0, len(kept) - LONGEST_ENDING))
    kept = kept[: ending.start()] if ending else kept
    return kept if kept.strip() else text
