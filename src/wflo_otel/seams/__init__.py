"""Where a call is seen and a refusal is raised: functions, HTTP clients, spans."""
