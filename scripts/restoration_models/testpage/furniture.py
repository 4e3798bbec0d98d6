"""What stands on a page besides text: paper, photograph, stamp, signature, table, control strip."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from restoration_models.testpage.plate import SUBPIXELS, Face, Plate

Picture = NDArray[np.float64]
"""(H, W, 3), RGB, 0..1."""
Colour = tuple[float, float, float]

INK: Colour = (0.14, 0.12, 0.12)
SEAL: Colour = (0.70, 0.17, 0.13)
PEN: Colour = (0.13, 0.19, 0.47)
RULE: Colour = (0.34, 0.30, 0.27)
TINT: Colour = (0.80, 0.73, 0.60)


def printed(sheet: Picture, plate: Plate, colour: Colour, strength: float = 1.0) -> Picture:
    """Return the sheet with one ink laid over it."""
    cover = plate.coverage()[:, :, None] * strength
    return sheet * (1.0 - cover) + np.array(colour) * cover


def mottle(height: int, width: int, pitch: int, seed: int) -> NDArray[np.float64]:
    """Return smooth random variation, about -1..1, with features of `pitch` pixels."""
    stream = np.random.RandomState(seed)
    lattice = stream.random_sample((height // pitch + 3, width // pitch + 3)) * 2.0 - 1.0

    def weights(n: int) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        place = (np.arange(n) + 0.5) / pitch
        cell = np.floor(place).astype(np.int64)
        t = place - cell
        return cell, t * t * (3.0 - 2.0 * t)

    (row, ty), (column, tx) = weights(height), weights(width)
    ty = ty[:, None]
    upper = lattice[row][:, column] * (1.0 - tx) + lattice[row][:, column + 1] * tx
    lower = lattice[row + 1][:, column] * (1.0 - tx) + lattice[row + 1][:, column + 1] * tx
    return upper * (1.0 - ty) + lower * ty


def paper(height: int, width: int) -> Picture:
    """Return a blank sheet: warm, a little darker towards the edges, faintly mottled, with some foxing."""
    y = ((np.arange(height) + 0.5) / height * 2.0 - 1.0)[:, None]
    x = ((np.arange(width) + 0.5) / width * 2.0 - 1.0)[None, :]
    edge = x * x * x * x * x * x + y * y * y * y * y * y
    cloud = 0.65 * mottle(height, width, 64, 11) + 0.35 * mottle(height, width, 19, 12)
    tone = 1.0 - 0.028 * edge + 0.008 * cloud + 0.010 * (0.3 * x - y)
    sheet: Picture = tone[:, :, None] * np.array([0.905, 0.868, 0.781])
    stream = np.random.RandomState(13)
    rows, columns = np.arange(height)[:, None] + 0.5, np.arange(width)[None, :] + 0.5
    for u, v, size, depth in stream.random_sample((height * width // 9000, 4)).tolist():
        radius = 1.2 + 4.5 * size * size
        away = ((rows - v * height) ** 2 + (columns - u * width) ** 2) / (radius * radius)
        spot = (0.03 + 0.07 * depth) / ((1.0 + away) * (1.0 + away))
        sheet = sheet * (1.0 - spot[:, :, None] * np.array([0.45, 0.85, 1.25]))
    return sheet


def photograph(height: int, width: int) -> Picture:
    """Return a small sepia photograph: a bridge of two arches over a river, hills, a lamp, an evening sky."""
    y = ((np.arange(height) + 0.5) / height)[:, None]
    x = ((np.arange(width) + 0.5) / width)[None, :]
    aspect = width / height
    sun = ((x - 0.70) * aspect) ** 2 + (y - 0.30) ** 2
    sky = 0.60 + 0.26 * y + 0.20 / (1.0 + 24.0 * sun) + 0.035 * mottle(height, width, max(6, height // 5), 21)
    river = (
        0.66
        - 0.34 * (y - 0.74) / 0.26
        + 0.05 * mottle(height, width, 5, 22)
        + 0.10 / (1.0 + 60.0 * (x - 0.70) ** 2)
    )
    tone = np.where(y < 0.72, sky, river)

    def lay(draw: Plate, value: NDArray[np.float64] | float) -> None:
        nonlocal tone
        cover = draw.coverage()
        tone = tone * (1.0 - cover) + value * cover

    def shape(*points: tuple[float, float]) -> Plate:
        plate = Plate(height, width)
        plate.polygon((px * width, py * height) for px, py in points)
        return plate

    lay(
        shape(
            (0, 0.50),
            (0.13, 0.38),
            (0.24, 0.46),
            (0.38, 0.33),
            (0.56, 0.50),
            (0.75, 0.42),
            (1, 0.54),
            (1, 0.73),
            (0, 0.73),
        ),
        0.56,
    )
    lay(
        shape(
            (0, 0.60), (0.10, 0.56), (0.30, 0.62), (0.50, 0.58), (0.80, 0.63), (1, 0.57), (1, 0.73), (0, 0.73)
        ),
        0.44,
    )
    bridge = Plate(height, width)
    bridge.polygon(
        [
            (0, 0.60 * height),
            (0.5 * width, 0.52 * height),
            (width, 0.60 * height),
            (width, 0.84 * height),
            (0, 0.84 * height),
        ]
    )
    for middle in (0.27, 0.73):
        hole = Plate(height, width)
        half, spring, crown = 0.16 * width, 0.76 * height, 0.60 * height
        arc = [(half * k / 12.0, (1.0 - (k / 12.0) ** 2) ** 0.5) for k in range(-12, 13)]
        hole.polygon(
            [(middle * width + dx, spring - rise * (spring - crown)) for dx, rise in arc]
            + [(middle * width + half, 0.85 * height), (middle * width - half, 0.85 * height)]
        )
        bridge.mask &= ~hole.mask
    lay(bridge, 0.30 + 0.16 * (0.84 - y) + 0.05 * mottle(height, width, 4, 23))
    railing = Plate(height, width)
    weight = max(0.9, height / 70.0)
    railing.rule(0, 0.575 * height, 0.5 * width, 0.495 * height, weight)
    railing.rule(0.5 * width, 0.495 * height, width, 0.575 * height, weight)
    railing.rule(0.5 * width, 0.52 * height, 0.5 * width, 0.22 * height, weight)
    railing.rule(0.5 * width, 0.25 * height, 0.5 * width + 0.07 * height, 0.25 * height, weight)
    lay(railing, 0.20)
    lamp = Plate(height, width)
    lamp.disc(0.5 * width + 0.09 * height, 0.30 * height, 0.035 * height)
    lay(lamp, 0.97)
    shade = 1.0 - 0.16 * ((x - 0.5) ** 2 + (y - 0.5) ** 2) * 2.0
    tone = np.clip(tone * shade, 0.0, 1.0)[:, :, None]
    dark, light = np.array([0.13, 0.10, 0.08]), np.array([0.95, 0.90, 0.79])
    sepia: Picture = dark + (light - dark) * tone
    return sepia


def paste_photograph(sheet: Picture, x: int, y: int, width: int, height: int) -> Picture:
    """Return the sheet with the photograph at (x, y), a thin rule around it."""
    sheet = sheet.copy()
    sheet[y : y + height, x : x + width] = photograph(height, width)
    frame = Plate(*sheet.shape[:2])
    left, top, right, bottom = x - 1.5, y - 1.5, x + width + 1.5, y + height + 1.5
    for line in (
        (left, top, right, top),
        (right, top, right, bottom),
        (right, bottom, left, bottom),
        (left, bottom, left, top),
    ):
        frame.rule(*line, 0.8)
    return printed(sheet, frame, RULE)


def stamp(plate: Plate, x: float, y: float, radius: float, around: str, middle: tuple[str, str]) -> None:
    """Draw a round seal: two rings, text around, two lines across, worn as a rubber stamp is."""
    plate.ring(x, y, radius, radius * 0.055)
    plate.ring(x, y, radius * 0.93, radius * 0.03)
    plate.ring(x, y, radius * 0.62, radius * 0.03)
    letters = Face(size=radius * 0.150, pen=1.15, tracking=1.5)
    length = letters.width(around) / (radius * 0.70)
    plate.around(around, x, y, radius * 0.70, -length / 2 - 0.16, letters)
    face = Face(size=radius * 0.165, pen=1.2, tracking=0.8)
    plate.centred(middle[0], x, y - radius * 0.04, face)
    plate.rule(x - radius * 0.4, y + radius * 0.06, x + radius * 0.4, y + radius * 0.06, radius * 0.03)
    plate.centred(middle[1], x, y + radius * 0.34, face)
    # Wear: ink is missing in patches, the same ones wherever the seal stands.
    side = round(2.2 * radius * SUBPIXELS)
    top, left = round((y - 1.1 * radius) * SUBPIXELS), round((x - 1.1 * radius) * SUBPIXELS)
    wear = mottle(side, side, 8, 31) + 0.6 * mottle(side, side, 60, 32)
    plate.mask[top : top + side, left : left + side] &= wear > -0.80


def signature(plate: Plate, x: float, y: float, scale: float) -> None:
    """Draw a signature with a flourish, about 100 by 34 units."""
    name = (
        "0,6 C 6,26 16,34 16,22 C 16,10 4,-4 8,2 C 12,8 18,14 22,12 C 26,10 18,2 22,3 C 27,5 30,14 33,12"
        " C 35,10 28,3 33,4 C 38,5 40,22 42,28 C 43,20 36,4 42,4 C 46,4 48,12 51,11 C 54,9 47,3 52,4"
        " C 56,5 57,12 60,11 C 62,9 58,4 63,5 C 68,6 70,13 74,12 C 78,10 70,4 76,5 C 84,7 92,13 100,16"
    )
    flourish = "96,18 C 70,4 30,-8 8,-6 C -4,-4 10,2 30,-2 C 54,-6 84,-4 104,4"
    plate.path(name, x, y, scale, 0.72, 0.46)
    plate.path(flourish, x, y, scale, 0.52, 0.40)


def control_strip(sheet: Picture, x: int, y: int, patch: int, height: int) -> Picture:
    """Return the sheet with a printer's strip: nine greys from black to white, then six colours."""
    sheet = sheet.copy()
    greys: list[Colour] = [(0.08 + 0.1052 * k,) * 3 for k in range(9)]
    colours: list[Colour] = [
        (0.18, 0.52, 0.66), (0.66, 0.24, 0.40), (0.86, 0.72, 0.22),
        (0.66, 0.24, 0.20), (0.28, 0.45, 0.31), (0.22, 0.24, 0.48),
    ]  # fmt: skip
    for k, colour in enumerate(greys + colours):
        sheet[y : y + height, x + k * patch : x + (k + 1) * patch] = colour
    return sheet


def table(
    text: Plate, rules: Plate, tint: Plate, x: float, y: float, columns: tuple[float, ...], leading: float,
    rows: tuple[tuple[str, ...], ...], face: Face,
) -> None:  # fmt: skip
    """Draw a ruled table; the first row is its head, the first column is text, the others are figures."""
    edges = [x]
    for width in columns:
        edges.append(edges[-1] + width)
    bottom = y + leading * len(rows)
    tint.box(x, y, edges[-1], y + leading)
    for k in range(len(rows) + 1):
        rules.rule(x, y + k * leading, edges[-1], y + k * leading, 1.1 if k in (0, 1, len(rows)) else 0.6)
    for edge in edges:
        rules.rule(edge, y, edge, bottom, 0.6 if edge not in (edges[0], edges[-1]) else 1.1)
    head = Face(face.size, pen=face.pen * 1.3, thin=face.thin)
    for r, row in enumerate(rows):
        base = y + (r + 0.5) * leading + face.size * 0.66
        for c, cell in enumerate(row):
            style = head if r == 0 else face
            if c == 0:
                text.text(cell, edges[0] + 4, base, style)
            else:
                text.flush_right(cell, edges[c + 1] - 4, base, style)
