"""Editions of the lessons for a class: for Colab, for the instructor, and without solutions. All are written to dist/.

The repository's notebooks are the source; nothing here changes them. arrival.py is the only module that also runs in a
student's kernel, so importing this package imports nothing else.
"""
