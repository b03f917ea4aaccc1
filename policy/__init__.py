"""The policy pack: rules over plain data that share no code with what they judge."""
