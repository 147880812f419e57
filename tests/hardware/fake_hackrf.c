/* A libhackrf without hardware: one or more HackRFs that hear a tone.
 *
 * Environment: FAKE_HACKRF="name=number ..." with
 *   count hidden (found by nobody) open (error of opening by serial) start (error)
 *   serial tone_hz pace lose_at lose silent_after (unplugged: transfers stop)
 *   tune_fails (this frequency is refused) list_fails (no list at all)
 * FAKE_HACKRF_FILE names a file of cs8 samples, heard over and over instead of the tone.
 * FAKE_HACKRF_LOG names a file that gets one line a call. With FAKE_HACKRF_ONCE, the
 * name of a file, refusal and unplugging happen until that file is there, and make it.
 * Whatever belongs to transmitting is refused and logged.
 */
#define FAKE "FAKE_HACKRF"
#include "fake.h"
#include <pthread.h>

#define TRANSFER_BYTES 262144
enum { OK = 0, IS_TRUE = 1, INVALID = -2, NOT_FOUND = -5, STOPPED = -1003, OTHER = -9999 };

typedef struct {
  pthread_t thread;
  volatile int running;
  volatile double center;
  double rate;
  int (*take)(void *);
  void *context;
} device_t;

typedef struct {
  device_t *device;
  uint8_t *buffer;
  int buffer_length, valid_length;
  void *rx_ctx, *tx_ctx;
} transfer_t;

typedef struct {
  char **serial_numbers;
  int *usb_board_ids, *usb_device_index;
  int devicecount;
  void **usb_devices;
  int usb_devicecount;
} list_t;

typedef struct {
  uint32_t part_id[2], serial_no[4];
} ids_t;

static uint32_t serial_of(int index) { return (uint32_t)setting("serial", 0xabc) + (uint32_t)index; }

int hackrf_init(void) { return OK; }
int hackrf_exit(void) { return OK; }

list_t *hackrf_device_list(void) {
  list_t *list;
  if (setting("list_fails", 0)) return NULL;
  list = calloc(1, sizeof *list);
  list->devicecount = (int)setting("count", 1);
  return list;
}
void hackrf_device_list_free(list_t *list) { free(list); }

static int opened(device_t **out, int index) {
  note("open", index);
  *out = calloc(1, sizeof **out);
  (*out)->context = (void *)(intptr_t)index;
  return OK;
}
int hackrf_device_list_open(list_t *list, int index, device_t **out) {
  (void)list;
  return setting("hidden", 0) ? -1000 : opened(out, index);
}
int hackrf_open_by_serial(const char *serial, device_t **out) {
  int rc = (int)setting("open", 0);
  if (rc) return rc;
  for (int i = 0; i < (int)setting("count", 1); i++)
    if (strtoul(serial + (strlen(serial) > 8 ? strlen(serial) - 8 : 0), NULL, 16) == serial_of(i))
      return opened(out, i);
  return NOT_FOUND;
}
int hackrf_close(device_t *d) {
  note("close", 0);
  free(d);
  return OK;
}

int hackrf_board_id_read(device_t *d, uint8_t *out) { (void)d; *out = 2; return OK; }
const char *hackrf_board_id_name(int id) { (void)id; return "HackRF One"; }
const char *hackrf_error_name(int code) { (void)code; return "fake error"; }
int hackrf_version_string_read(device_t *d, char *out, uint8_t size) {
  (void)d;
  snprintf(out, size, "fake");
  return OK;
}
int hackrf_board_partid_serialno_read(device_t *d, ids_t *out) {
  memset(out, 0, sizeof *out);
  out->serial_no[3] = serial_of((int)(intptr_t)d->context);
  return OK;
}
int hackrf_si5351c_read(device_t *d, uint16_t number, uint16_t *out) {
  (void)d;
  (void)number;
  *out = 0x51;
  return OK;
}

int hackrf_set_freq(device_t *d, uint64_t hz) {
  note("set_freq", (double)hz);
  if (setting("tune_fails", 0) == (double)hz && mishap()) return INVALID;
  pause_s(2e-3);
  d->center = (double)hz;
  return OK;
}
int hackrf_set_sample_rate(device_t *d, double rate) {
  note("set_sample_rate", rate);
  d->rate = rate;
  return OK;
}

static const uint32_t filters[] = {1750000, 2500000,  3500000,  5000000,  5500000,  6000000,
                                   7000000, 8000000,  9000000,  10000000, 12000000, 14000000,
                                   15000000, 20000000, 24000000, 28000000};
uint32_t hackrf_compute_baseband_filter_bw(uint32_t hz) {
  for (unsigned i = 0; i < 16; i++)
    if (filters[i] >= hz) return filters[i];
  return filters[15];
}
uint32_t hackrf_compute_baseband_filter_bw_round_down_lt(uint32_t hz) {
  for (unsigned i = 15; i > 0; i--)
    if (filters[i] < hz) return filters[i];
  return filters[0];
}
int hackrf_set_baseband_filter_bandwidth(device_t *d, uint32_t hz) {
  (void)d;
  note("set_baseband_filter_bandwidth", hz);
  return OK;
}
int hackrf_set_lna_gain(device_t *d, uint32_t db) { (void)d; note("set_lna_gain", db); return OK; }
int hackrf_set_vga_gain(device_t *d, uint32_t db) { (void)d; note("set_vga_gain", db); return OK; }
int hackrf_set_amp_enable(device_t *d, uint8_t on) { (void)d; note("set_amp_enable", on); return OK; }
int hackrf_set_antenna_enable(device_t *d, uint8_t on) {
  (void)d;
  note("set_antenna_enable", on);
  return OK;
}

/* The phase is that of the sample's own number, so that it tells what was lost. */
static void *receive(void *argument) {
  device_t *d = argument;
  static uint16_t wave[65536];
  uint16_t *pairs = malloc(TRANSFER_BYTES);
  transfer_t transfer = {d, (uint8_t *)pairs, TRANSFER_BYTES, TRANSFER_BYTES, d->context, NULL};
  const uint64_t count = TRANSFER_BYTES / 2;
  uint64_t sample = 0, sent = 0;
  uint64_t lose_at = (uint64_t)setting("lose_at", 1e18), lose = (uint64_t)setting("lose", 0);
  double tone = setting("tone_hz", 1.0002e9), pace = setting("pace", 1), began = now();
  double silent = setting("silent_after", 1e18);
  int unplugged = 0;
  size_t size, at = 0;
  unsigned char *played = recording(&size, TRANSFER_BYTES);
  for (int k = 0; k < 65536; k++) {
    double turn = 2 * M_PI * k / 65536;
    wave[k] = (uint16_t)((uint8_t)lrint(85 * cos(turn)) | (uint8_t)lrint(85 * sin(turn)) << 8);
  }
  while (d->running) {
    uint32_t step = (uint32_t)(int64_t)llrint((tone - d->center) / d->rate * 4294967296.0);
    uint32_t phase;
    if ((double)sent >= silent && !unplugged) {
      unplugged = mishap();
      silent = 1e18;
    }
    if (unplugged) {
      pause_s(0.01);
      continue;
    }
    if (sample >= lose_at) {
      sample += lose;
      lose_at = UINT64_MAX;
    }
    if (played) {
      transfer.buffer = played + at;
      at = (at + TRANSFER_BYTES) % size;
    } else {
      phase = step * (uint32_t)sample;
      for (uint64_t k = 0; k < count; k++, phase += step) pairs[k] = wave[phase >> 16];
    }
    sample += count;
    sent += count;
    if (pace > 0) pause_s(began + (double)sample / d->rate / pace - now());
    if (d->running) d->take(&transfer);
  }
  free(pairs);
  free(played);
  return NULL;
}

int hackrf_start_rx(device_t *d, int (*take)(void *), void *context) {
  int rc = (int)setting("start", 0);
  note("start_rx", 0);
  if (rc) return rc;
  d->take = take;
  d->context = context;
  d->running = 1;
  pthread_create(&d->thread, NULL, receive, d);
  return OK;
}
int hackrf_stop_rx(device_t *d) {
  note("stop_rx", 0);
  if (d->running) {
    d->running = 0;
    pthread_join(d->thread, NULL);
  }
  return OK;
}
int hackrf_is_streaming(device_t *d) { return d->running ? IS_TRUE : STOPPED; }

#define REFUSED(name) \
  int hackrf_##name(void) { note("REFUSED " #name, 0); return OTHER; }
REFUSED(start_tx)
REFUSED(stop_tx)
REFUSED(set_txvga_gain)
