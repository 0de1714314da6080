"""The program of stakers and task creators: accounts, stake, tasks."""
