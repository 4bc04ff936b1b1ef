"""Yesterday's calls under a changed configuration: the decisions of the ACD made once more, and the difference."""
