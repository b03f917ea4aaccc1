"""What a run costs: whole processes, medians, as ratios against a reference measured in the same run."""
