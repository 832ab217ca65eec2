"""The application of a Django project that reads flags."""
