"""Names to draw from, for mails that want some."""

# ruff: noqa: SIM905 - a text of names is read more easily than a list of them
FIRST_NAMES = (
    "Ada Adam Alice Amir Anna Antonio Aya Ben Carla Chen Clara Daniel David Dina Elena Emil Emily Erik Eva Felix "
    "Fatima Grace Hana Henry Ida Ivan Jack James Jana Jonas Julia Karim Laura Leo Lena Lina Lucas Maria Mark Maya "
    "Mia Milan Nadia Nina Noah Nora Oliver Omar Oscar Paul Petra Peter Rosa Ruth Sam Sara Simon Sofia Thomas Vera "
    "Yara Zoe"
).split()
LAST_NAMES = (
    "Adams Ahmed Baker Becker Berg Brown Carter Chen Clark Costa Davis Diaz Evans Fischer Garcia Green Hall Hansen "
    "Harris Ito Jansen Johnson Jones Khan Kim King Klein Kumar Larsen Lee Lewis Lopez Martin Meyer Miller Moore "
    "Moreau Mori Nguyen Novak Olsen Patel Perez Popov Roberts Rossi Santos Schmidt Scott Silva Singh Smith Taylor "
    "Thompson Walker Wagner Weber White Wilson Wood Wright Young"
).split()
