"""Interactive voice response: flows as data, checked before use (flow.py), run one node after another (engine.py, verbs/)."""
