"""Who may see and do what: scopes, second factor, password policy, sign-in by LDAP and OpenID Connect."""
