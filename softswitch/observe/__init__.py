"""How the switch is seen from outside: logs, metrics, alarms, readiness, doctor."""
