"""Alarms from outside: who says so is proved first, then ALARM opens a circuit. Nothing that comes in closes one."""
