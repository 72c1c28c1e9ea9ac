/** A volume as the tables key it. */
export interface VolumeKey {
  readonly cluster: string
  readonly namespace: string
  readonly pvc: string
}
