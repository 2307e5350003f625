"""What an index costs and gives as it grows, and what its files and builds survive."""
