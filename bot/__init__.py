"""The chat side: hears, parses, delivers, keeps time and guards."""
