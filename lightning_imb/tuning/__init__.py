"""Search of hyper-parameters: a study of trials, each an ordinary run, judged by a validation score."""
