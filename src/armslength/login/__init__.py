"""Who people are and what they may do, as an OpenID Connect provider tells it; and what is kept of what they did."""
