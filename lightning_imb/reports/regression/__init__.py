"""What reports of regressions have of their own: errors by bin, predictions against targets, yardsticks."""
