"""The steps that a tuning and a change of model share: bring another space into use, and back."""
