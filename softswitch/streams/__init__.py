"""The sound of live calls to programs and back, over WebSocket."""
