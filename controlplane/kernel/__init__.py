"""What every floor stands on: clock, errors, access, the Valkey clients, REST, metrics and logs."""
