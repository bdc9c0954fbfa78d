"""What an inquiry is: its events, the decisions that make them, the use cases."""
