/* A librtlsdr without hardware: one or more dongles that hear a tone.
 *
 * Environment: FAKE_RTLSDR="name=number ..." with
 *   count open tuner tone_hz pace lose_at lose unplug_after silent_after
 *   tune_fails deaf (ignores this many cancels) hang_close serial (of the first)
 *   crash_after (a segmentation fault) freeze_after (the process stops)
 *   v4 (calls itself a Blog V4) ramp (sends all codes in turn)
 * FAKE_RTLSDR_FILE names a file of cu8 samples, heard over and over instead of the tone.
 * FAKE_RTLSDR_LOG names a file that gets one line a call. With FAKE_RTLSDR_ONCE,
 * the name of a file, what goes wrong does so until that file is there, and makes it.
 */
#define FAKE "FAKE_RTLSDR"
#include "fake.h"
#include <signal.h>
#include <unistd.h>

typedef void (*callback_t)(unsigned char *, uint32_t, void *);

typedef struct {
  volatile int cancelled, deaf;
  volatile double center;
  uint32_t rate;
  int gain;
} dev_t_;

static const int gains[29] = {0,   9,   14,  27,  37,  77,  87,  125, 144, 157,
                              166, 197, 207, 229, 254, 280, 297, 328, 338, 364,
                              372, 386, 402, 421, 434, 439, 445, 480, 496};

uint32_t rtlsdr_get_device_count(void) { return (uint32_t)setting("count", 1); }
const char *rtlsdr_get_device_name(uint32_t i) { (void)i; return "Fake RTL2838UHIDIR"; }

int rtlsdr_get_device_usb_strings(uint32_t i, char *maker, char *product, char *serial) {
  if (i >= rtlsdr_get_device_count()) return -2;
  if (maker) strcpy(maker, setting("v4", 0) ? "RTLSDRBlog" : "Fake");
  /* Spelt so that this library does not look like one that knows the V4. */
  if (product) sprintf(product, setting("v4", 0) ? "Blog V%d" : "RTL%dUHIDIR", setting("v4", 0) ? 4 : 2838);
  if (serial) sprintf(serial, "%08u", i + (uint32_t)setting("serial", 1));
  return 0;
}

int rtlsdr_get_index_by_serial(const char *serial) {
  char own[32];
  for (uint32_t i = 0; i < rtlsdr_get_device_count(); i++) {
    sprintf(own, "%08u", i + (uint32_t)setting("serial", 1));
    if (!strcmp(own, serial)) return (int)i;
  }
  return rtlsdr_get_device_count() ? -3 : -2;
}

int rtlsdr_open(dev_t_ **out, uint32_t index) {
  int rc = (int)setting("open", 0);
  note("open", index);
  if (rc < 0 && mishap()) return rc;
  *out = calloc(1, sizeof **out);
  (*out)->deaf = (int)setting("deaf", 0);
  return 0;
}

int rtlsdr_close(dev_t_ *d) {
  note("close", 0);
  if (setting("hang_close", 0)) pause_s(1e6);
  free(d);
  return 0;
}

int rtlsdr_set_center_freq(dev_t_ *d, uint32_t hz) {
  note("set_center_freq", hz);
  if (setting("tune_fails", 0) == hz) return -9;
  pause_s(2e-3);
  d->center = hz;
  return 0;
}
uint32_t rtlsdr_get_center_freq(dev_t_ *d) { return (uint32_t)d->center; }
int rtlsdr_set_freq_correction(dev_t_ *d, int ppm) {
  (void)d;
  note("set_freq_correction", ppm);
  return ppm ? 0 : -2;
}
int rtlsdr_get_freq_correction(dev_t_ *d) { (void)d; return 0; }
int rtlsdr_get_tuner_type(dev_t_ *d) { (void)d; return (int)setting("tuner", 5); }
int rtlsdr_set_tuner_gain(dev_t_ *d, int gain) {
  note("set_tuner_gain", gain);
  d->gain = gain;
  return 0;
}
int rtlsdr_get_tuner_gain(dev_t_ *d) { return d->gain; }
int rtlsdr_get_tuner_gains(dev_t_ *d, int *out) {
  (void)d;
  if (out) memcpy(out, gains, sizeof gains);
  return 29;
}
int rtlsdr_set_tuner_gain_mode(dev_t_ *d, int manual) {
  (void)d;
  note("set_tuner_gain_mode", manual);
  return 0;
}
int rtlsdr_set_agc_mode(dev_t_ *d, int on) { (void)d; note("set_agc_mode", on); return 0; }
int rtlsdr_set_sample_rate(dev_t_ *d, uint32_t rate) {
  note("set_sample_rate", rate);
  d->rate = rate;
  return 0;
}
uint32_t rtlsdr_get_sample_rate(dev_t_ *d) { return d->rate; }
int rtlsdr_reset_buffer(dev_t_ *d) { (void)d; note("reset_buffer", 0); return 0; }
int rtlsdr_set_bias_tee(dev_t_ *d, int on) { (void)d; note("set_bias_tee", on); return 0; }

int rtlsdr_cancel_async(dev_t_ *d) {
  note("cancel_async", 0);
  if (d->deaf > 0 && d->deaf--) return -2;
  d->cancelled = 1;
  return 0;
}

int rtlsdr_read_async(dev_t_ *d, callback_t take, void *ctx, uint32_t num, uint32_t size) {
  unsigned char *buffer = malloc(size);
  uint64_t sample = 0, sent = 0;
  uint64_t lose_at = (uint64_t)setting("lose_at", 1e18), lose = (uint64_t)setting("lose", 0);
  double tone = setting("tone_hz", 1.0002e9), pace = setting("pace", 1), began = now();
  double unplug = setting("unplug_after", 1e18), silent = setting("silent_after", 1e18);
  double crash = setting("crash_after", 1e18), freeze = setting("freeze_after", 1e18);
  int rc = 0, ramp = setting("ramp", 0) != 0;
  (void)num;
  if (!size) size = 16 * 32 * 512;  /* as librtlsdr takes 0 */
  size_t length, at = 0;
  unsigned char *played = recording(&length, size);
  note("read_async", size);
  while (!d->cancelled && rc == 0) {
    double turn = 2 * M_PI * (tone - d->center) / d->rate;
    if (sent >= silent) {
      pause_s(0.01);
      continue;
    }
    if (sample >= lose_at) {
      sample += lose;
      lose_at = UINT64_MAX;
    }
    if (played && size <= length) {
      if (at + size > length) at = 0;
      memcpy(buffer, played + at, size);
      at += size;
    }
    for (uint32_t k = 0; !played && k < size / 2; k++) {
      double phase = fmod(turn * (double)(sample + k), 2 * M_PI);
      buffer[2 * k] = (unsigned char)lrint(127.5 + 85 * cos(phase));
      buffer[2 * k + 1] = (unsigned char)lrint(127.5 + 85 * sin(phase));
    }
    if (ramp)
      for (uint32_t k = 0; k < size; k++) buffer[k] = (unsigned char)k;
    sample += size / 2;
    sent += size / 2;
    if (pace > 0) pause_s(began + (double)sample / d->rate / pace - now());
    if (!d->cancelled) take(buffer, size, ctx);
    if (sent >= unplug && mishap()) rc = -5;
    if (sent >= crash && mishap()) raise(SIGSEGV);
    if (sent >= freeze && mishap()) raise(SIGSTOP);
  }
  free(buffer);
  free(played);
  note("read_async_ended", rc);
  return rc;
}

/* What SoapyRTLSDR calls besides. */
#define TAKEN(name) \
  int rtlsdr_##name(dev_t_ *d, int value) { (void)d; note(#name, value); return 0; }
TAKEN(set_offset_tuning)
TAKEN(set_tuner_bandwidth)
int rtlsdr_set_tuner_if_gain(dev_t_ *d, int stage, int gain) {
  (void)d;
  note("set_tuner_if_gain", stage * 1000 + gain);
  return 0;
}
int rtlsdr_get_usb_strings(dev_t_ *d, char *maker, char *product, char *serial) {
  (void)d;
  return rtlsdr_get_device_usb_strings(0, maker, product, serial);
}

/* What pyrtlsdr looks up at import and this project must not need. */
#define UNUSED(name) \
  int rtlsdr_##name(void) { note(#name, 0); return -1; }
UNUSED(set_direct_sampling)
UNUSED(set_dithering)
UNUSED(set_gpio_output)
UNUSED(set_gpio_input)
UNUSED(set_gpio_bit)
UNUSED(get_gpio_bit)
UNUSED(set_gpio_byte)
UNUSED(get_gpio_byte)
UNUSED(set_gpio_status)
UNUSED(set_and_get_tuner_bandwidth)
UNUSED(read_sync)
UNUSED(wait_async)
UNUSED(set_xtal_freq)
UNUSED(get_xtal_freq)
UNUSED(set_testmode)
