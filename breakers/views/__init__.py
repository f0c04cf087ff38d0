"""Pages of the protection floor. Function views: page and fragment are one view, permission is checked here."""
