"""What members say to the bot: read from chat, understood, and handed to the rules."""
