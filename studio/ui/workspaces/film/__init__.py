"""The Film tab: a storyboard of shots, and the film that is made of it."""
