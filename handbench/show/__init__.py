"""Pictures for people: contact sheets, overlays, plots."""
