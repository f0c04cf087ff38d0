"""From waiting intents to executions: one process a pipe, at a governed rate, while nothing stops the pipe."""
