"""The scorecard: how well the shipped detectors do in simulated scenes, against theory.

It stands outside the core: it renders scenes, runs the pipeline on them and
counts. Nothing here steers a detector.
"""
