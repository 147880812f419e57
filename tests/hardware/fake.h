/* What the libraries without hardware share. FAKE is the name of the environment
 * variable that holds the settings, and the start of the names of the others. */
#define _GNU_SOURCE
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static double setting(const char *name, double otherwise) {
  const char *all = getenv(FAKE);
  char key[64];
  const char *at;
  if (!all) return otherwise;
  snprintf(key, sizeof key, "%s=", name);
  for (at = all; (at = strstr(at, key)); at++)
    if (at == all || at[-1] == ' ') return atof(at + strlen(key));
  return otherwise;
}

static void note(const char *call, double value) {
  const char *path = getenv(FAKE "_LOG");
  FILE *file = path ? fopen(path, "a") : NULL;
  if (!file) return;
  fprintf(file, "%s %.0f\n", call, value);
  fclose(file);
}

/* Whether a mishap still happens. */
static int mishap(void) {
  const char *path = getenv(FAKE "_ONCE");
  FILE *file = path ? fopen(path, "wx") : NULL;
  if (file) fclose(file);
  return !path || file;
}

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec + t.tv_nsec * 1e-9;
}

static void pause_s(double seconds) {
  struct timespec t = {(time_t)seconds, (long)((seconds - (time_t)seconds) * 1e9)};
  if (seconds > 0) nanosleep(&t, NULL);
}

/* What FAKE_..._FILE holds, whole transfers of it, to be played again and again; NULL without. */
static unsigned char *recording(size_t *size, size_t transfer) {
  const char *path = getenv(FAKE "_FILE");
  FILE *file = path ? fopen(path, "rb") : NULL;
  unsigned char *bytes = NULL;
  *size = 0;
  if (!file) return NULL;
  fseek(file, 0, SEEK_END);
  *size = (size_t)ftell(file) / transfer * transfer;
  rewind(file);
  bytes = malloc(*size);
  if (fread(bytes, 1, *size, file) != *size) abort();
  fclose(file);
  return bytes;
}
