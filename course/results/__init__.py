"""What was measured elsewhere: kernels, one JSON a device; trained runs, one JSON a lesson."""
