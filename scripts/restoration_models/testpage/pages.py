"""The two pages: a card for restoration, a folio with printed reference marks for unwarping."""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

from restoration_models.testpage.furniture import (
    INK,
    PEN,
    RULE,
    SEAL,
    TINT,
    Colour,
    Picture,
    control_strip,
    paper,
    paste_photograph,
    printed,
    signature,
    stamp,
    table,
)
from restoration_models.testpage.plate import Face, Plate

CARD = (352, 256)
"""Height and width of the card: multiples of 16, small enough for a large network on a processor."""
FOLIO = (712, 488)
"""Height and width of the folio."""

MARK_COLUMNS = (24.0, 134.0, 244.0, 354.0, 464.0)
MARK_ROWS = tuple(26.0 + 82.5 * row for row in range(9))
MARK_RADIUS = 3.4
GREEN: Colour = (0.02, 0.52, 0.27)
MAGENTA: Colour = (0.74, 0.09, 0.55)
AXIS_COLUMN, AXIS_ROW = 1, 3
"""Marks on this column and row are magenta, the others green: no grid is read one step off or mirrored."""

_BODY = Face(5.7)
_SMALL = Face(4.7, pen=1.1, tracking=0.5)
_ITALIC = Face(5.7, slant=0.22)


def _eight_bits(sheet: Picture) -> NDArray[np.float32]:
    """Return the sheet as a picture file holds it, scaled back to 0..1."""
    whole = np.floor(np.clip(sheet, 0.0, 1.0) * 255.0 + 0.5).astype(np.uint8)
    return whole.astype(np.float32) / np.float32(255.0)


@cache
def card() -> NDArray[np.float32]:
    """Return the card, (352, 256, 3) float32, read-only."""
    height, width = CARD
    text, rules, tint, seal, pen = (Plate(height, width) for _ in range(5))
    left, right = 14.0, width - 14.0
    caps = Face(4.7, pen=1.15, tracking=2.2)
    text.text("ARCHIVO DE LA RIBERA", left, 21, caps)
    text.flush_right("Leg. 14 / 27", right, 21, _SMALL)
    rules.rule(left, 26, right, 26, 1.4)
    rules.rule(left, 28.4, right, 28.4, 0.6)
    text.text("Libro de la torre", left, 50, Face(11.2, pen=1.5, thin=0.48, tracking=0.9))
    text.text("Inventario de papeles, otoño de 1897", left, 63.5, _ITALIC)
    text.paragraph(
        "En la sala alta se hallaron tres cajas de cedro con cartas, cuentas y planos de la antigua acequia. "
        "La humedad borró algunas líneas, mas la tinta de agallas resistió y aún se lee el nombre "
        "de quien las copió.",
        left, 79, right - left, 11.4, _BODY, 5,
    )  # fmt: skip
    text.paragraph(
        "El puente viejo, como lo vio un niño del barrio: dos arcos, un farol y el río, que crecía "
        "cada año. ¿Quién guardó esta imagen?",
        114, 144, right - 114, 11.4, _BODY, 6, justified=False,
    )  # fmt: skip
    table(
        text, rules, tint, left, 215, (96.0, 40.0, 40.0, 52.0), 12.0,
        (
            ("Pieza", "Hojas", "Año", "Reales"),
            ("Cartas y avisos", "126", "1683", "1.904,50"),
            ("Planos", "38", "1749", "752,25"),
            ("Libro de cuentas", "240", "1810", "3.068,75"),
        ),
        Face(5.3),
    )  # fmt: skip
    text.text("Doy fe, a 9 de mayo:", left, 281, _ITALIC)
    signature(pen, 24, 310, 0.98)
    stamp(seal, 203, 296, 35, "ARCHIVO DE LA RIBERA +", ("VISTO", "1897"))
    sheet = paper(height, width)
    sheet = printed(sheet, tint, TINT, 0.55)
    sheet = paste_photograph(sheet, 16, 136, 88, 68)
    sheet = control_strip(sheet, 14, 333, 10, 9)
    sheet = printed(sheet, text, INK, 0.95)
    sheet = printed(sheet, rules, RULE, 0.95)
    sheet = printed(sheet, pen, PEN, 0.92)
    sheet = printed(sheet, seal, SEAL, 0.80)
    done = _eight_bits(sheet)
    done.flags.writeable = False
    return done


_TEXT = """
La torre del agua se alza junto al río desde antes de que nadie llevara cuenta de los años. Sus muros
guardan el frescor en verano y, según los vecinos, también las voces de quienes la levantaron piedra a
piedra.

En 1683 un copista anotó las medidas: nueve varas de ancho, catorce de alto y una escalera de sesenta y
dos peldaños. La hoja, doblada en cuatro, apareció dentro de un libro de cuentas sin tapas.

Las cartas que siguen hablan de lluvias, de cosechas y de un molino que nunca llegó a moler. La tinta ha
palidecido, pero la letra es firme y los números cuadran con los del pósito de la villa.

El agua subía hasta la tercera ventana y dejaba en el muro una raya de barro; con esas rayas, una
maestra enseñó a sus niñas a medir el tiempo. Aún hoy quedan once señales, y la más alta lleva fecha.

Sobre la puerta hay un escudo borrado. Alguien quiso ver en él una garza; otro, un barco; el cantero que
lo limpió aseguró que era solo una mano abierta, y así figura en este inventario.

Quien lea estas páginas sepa que faltan tres: la que habla del incendio, la de los jornales y una
última, en blanco, que el archivero conservó por si algún día hacía falta escribir el final.

Se recomienda guardar los planos extendidos, lejos de la luz y con papel de seda entre hoja y hoja. El
lacre rojo mancha si se calienta. No se use cinta ni pegamento alguno en los dobleces.

Las copias se hicieron con cámara y luz rasante, en dos tandas, para que el relieve del papel no
ocultara la escritura. Véanse las notas al margen y la lista de piezas que acompaña a esta memoria.

La campana pequeña, fundida con monedas y llaves viejas, marcó las horas de riego hasta que el reloj del
puente quedó listo. Hoy descansa en la sala baja, con su badajo envuelto en lana.
"""


@cache
def folio() -> NDArray[np.float32]:
    """Return the folio, (712, 488, 3) float32, read-only."""
    height, width = FOLIO
    text, rules, tint, seal, pen, green, magenta = (Plate(height, width) for _ in range(7))
    first, second, measure, leading = 35.0, 255.0, 198.0, 11.2
    end = second + measure
    top = MARK_ROWS
    text.text("ARCHIVO DE LA RIBERA", first, top[0] + 14, Face(4.7, pen=1.15, tracking=2.2))
    text.flush_right("Legajo 14, hoja 27", end, top[0] + 14, _SMALL)
    rules.rule(first, top[0] + 20, end, top[0] + 20, 1.6)
    text.text(
        "Memoria de la torre del agua", first, top[0] + 48, Face(14.2, pen=1.45, thin=0.44, tracking=0.8)
    )
    text.text(
        "Noticia de los papeles hallados en la sala alta, otoño de 1897",
        first,
        top[0] + 66,
        Face(6.4, slant=0.22),
    )
    rules.rule(first, top[0] + 73, end, top[0] + 73, 0.7)
    places = (
        (first, 1), (second, 1), (first, 2), (first, 3), (second, 3),
        (first, 5), (second, 5), (first, 6), (second, 6),
    )  # fmt: skip
    for words, (x, row) in zip(_TEXT.split("\n\n"), places, strict=True):
        text.paragraph(words, x, top[row] + 16.5, measure, leading, _BODY, 6)
    table(
        text, rules, tint, first, top[4] + 10, (138.0, 60.0, 70.0, 70.0, 80.0), 12.4,
        (
            ("Pieza", "Hojas", "Año", "Varas", "Reales"),
            ("Cartas y avisos", "126", "1683", "9,25", "1.904,50"),
            ("Planos de la acequia", "38", "1749", "14,60", "752,25"),
            ("Libro de cuentas", "240", "1810", "62,00", "3.068,75"),
            ("Notas del archivero", "17", "1897", "3,75", "418,00"),
        ),
        Face(5.5),
    )  # fmt: skip
    text.text("Dado en la villa, a 9 de mayo. Doy fe:", first, top[7] + 16, _ITALIC)
    signature(pen, 60, top[7] + 52, 1.15)
    stamp(seal, 404, top[7] + 41, 35, "ARCHIVO DE LA RIBERA +", ("VISTO", "1897"))
    for column, x in enumerate(MARK_COLUMNS):
        for row, y in enumerate(MARK_ROWS):
            (magenta if column == AXIS_COLUMN or row == AXIS_ROW else green).disc(x, y, MARK_RADIUS)
    sheet = paper(height, width)
    sheet = printed(sheet, tint, TINT, 0.55)
    sheet = paste_photograph(sheet, 257, round(top[2]) + 9, 194, 64)
    sheet = control_strip(sheet, 206, round(top[7]) + 60, 9, 9)
    for plate, colour, strength in (
        (text, INK, 0.95), (rules, RULE, 0.95), (pen, PEN, 0.92), (seal, SEAL, 0.80),
        (green, GREEN, 1.0), (magenta, MAGENTA, 1.0),
    ):  # fmt: skip
        sheet = printed(sheet, plate, colour, strength)
    done = _eight_bits(sheet)
    done.flags.writeable = False
    return done
