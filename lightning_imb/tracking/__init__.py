"""Where numbers go while a run lasts: the csv file of the run folder and the loggers of other tools."""
