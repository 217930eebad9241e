"""Inputs made wrong at random, the same for the same number: texts, values, and files of a store."""

import os
from pathlib import Path
from random import Random

VALUES = (
    "nan", "-inf", "-1", "0", "1e308", "1e-320", "9" * 30, "0x10", "2026-01-01", "10:00:00",
    "2026-01-01T10:00:00Z", "true", '""', '"none"', '"\\u0000"', '"../../x"', '"/dev/null"', '"é✓"', "[]",
    "[[1, 2]]", "[nan]", "{}", "{ low = 1, high = 0 }", "{ a.b.c = 1 }", '"' + "a" * 5000 + '"', "",
)  # fmt: skip
"""What may stand behind an equals sign."""

HARMS = ("flip", "flip", "flip", "cut", "empty", "gone", "longer", "other", "fifo", "folder")
"""What happens to files."""


def hurt_text(text: str, random: Random) -> bytes:
    """A text with one to three mistakes: of a value, a line, a letter, a bit, or its end."""
    for _ in range(random.randint(1, 3)):
        lines = text.split("\n")
        place = random.randrange(len(lines))
        mistake = random.choice(("value", "value", "value", "key", "drop", "double", "swap", "letter", "end"))
        if mistake == "value" and "=" in lines[place]:
            lines[place] = lines[place].partition("=")[0] + "= " + random.choice(VALUES)
        elif mistake == "key" and "=" in lines[place]:
            lines[place] = lines[random.randrange(len(lines))].partition("=")[0] + "= 1"
        elif mistake == "drop":
            del lines[place]
        elif mistake == "double":
            lines.insert(place, lines[place])
        elif mistake == "swap":
            other = random.randrange(len(lines))
            lines[place], lines[other] = lines[other], lines[place]
        elif mistake == "letter":
            at = random.randrange(len(lines[place]) + 1)
            letter = random.choice("\"'[]{}=.,#\\\t\0\r-+0x é")
            lines[place] = lines[place][:at] + letter + lines[place][at + 1 :]
        elif mistake == "end":
            del lines[place + 1 :]
        text = "\n".join(lines) or "\n"
    content = text.encode()
    return flipped(content, random) if random.random() < 0.1 else content


def flipped(content: bytes, random: Random) -> bytes:
    """Bytes of which one has a bit turned."""
    if not content:
        return content
    changed = bytearray(content)
    changed[random.randrange(len(changed))] ^= 1 << random.randrange(8)
    return bytes(changed)


def hurt_folder(folder: Path, random: Random) -> str:
    """Damage one file of a folder; return what was done to which."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    path = random.choice(files)
    content = path.read_bytes()
    harm = random.choice(
        ("flip", "flip", "flip", "cut", "empty", "gone", "longer", "other", "fifo", "folder")
    )
    if harm == "flip":
        path.write_bytes(flipped(content, random))
    elif harm == "cut":
        path.write_bytes(content[: random.randrange(len(content) + 1)])
    elif harm == "empty":
        path.write_bytes(b"")
    elif harm == "longer":
        path.write_bytes(content + random.randbytes(7))
    elif harm == "other":
        path.write_bytes(random.choice(files).read_bytes())
    else:
        path.unlink()
        if harm == "fifo":
            os.mkfifo(path)
        elif harm == "folder":
            path.mkdir()
    return f"{harm} {path.relative_to(folder)}"
