"""The kinds of work: one module each says what sets it apart; everything else asks the kind."""
