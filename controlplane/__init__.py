"""The ground floor: settings, kernel, configuration, audit, access and the dashboard's shell."""
